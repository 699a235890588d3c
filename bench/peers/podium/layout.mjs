// The host's side: a layout that fetches the podlet at the manifest it is given, and puts it into a page.
import express from "express";
import Layout from "@podium/layout";

const layout = new Layout({ name: "site", pathname: "/" });
const polls = layout.client.register({ name: "polls", uri: process.argv[2] });
layout.view((incoming, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>${incoming.view.title}</title><link rel="stylesheet" href="/site.css"></head>
<body><nav><a href="/">Site</a><a href="/polls/">Polls</a></nav><main id="content">${body}</main>
<footer>A site of the bench.</footer></body></html>
`);

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(layout.middleware());
app.get("/polls", async (_request, response) => {
  const incoming = response.locals.podium;
  const fetched = await polls.fetch(incoming);
  incoming.podlets = [fetched];
  incoming.view.title = "Polls";
  response.podiumSend(`${fetched}`);
});
const server = app.listen(0, "127.0.0.1", () => console.log(`Serving http://127.0.0.1:${server.address().port}`));

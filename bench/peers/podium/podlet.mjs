// The service's side: a podlet whose content is the table of twenty polls that all contestants show.
import express from "express";
import Podlet from "@podium/podlet";

const podlet = new Podlet({ name: "polls", version: "1.0.0", pathname: "/", content: "/", development: false });
const rows = Array.from({ length: 20 }, (_, number) =>
  `<tr><td><a href="/polls/show/${number + 1}">Poll ${number}</a></td>\n<td>${number * 7}</td>` +
  `<td>${number % 2 ? "closed" : "open"}</td></tr>\n`);
const content = `<h1>Polls</h1><table class="table">\n${rows.join("")}</table>`;

const app = express();
app.disable("x-powered-by");
app.use(podlet.middleware());
app.get(podlet.content(), (_request, response) => response.podiumSend(content));
app.get(podlet.manifest(), (_request, response) => response.send(podlet));
const server = app.listen(0, "127.0.0.1", () => console.log(`Serving http://127.0.0.1:${server.address().port}`));

% rebase("frame", title=page.title or page.service, head=page.head)
{{!page.content}}

"""One HTTP exchange with a service.

`head` says what may stand on the wire, `body` how an answer's end is found, `patience` how long to wait,
`reader` brings the bytes, `answer` is what the caller gets; `requests` puts them on sockets.
"""

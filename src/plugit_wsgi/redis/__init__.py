"""State that many workers and machines share, in Redis (extra ``redis``).

::

    from plugit_wsgi import PlugItMiddleware, Stores
    from plugit_wsgi.redis import RedisCache, RedisSessions

    stores = Stores(cache=RedisCache(URL, SECRET), sessions=RedisSessions(URL, SECRET))

1. Nothing about rules or safety depends on it. Down, slow, full or talking nonsense, it keeps nothing and
   knows nothing; pages come all the same.
2. A call on it ends within `server.PATIENCE`, its connection and the look-up of its name included. After one
   that failed it is left alone for `server.QUIET`.
3. What comes out of it is believed only if a process with the same secret put it there, under that very key.
   So nothing planted, swapped, cut or meant for another reader ever counts.
4. Values are JSON. Whatever cannot be read counts as not there.
5. No clock of a machine is compared with another's: Redis says how old a value is.
6. Nothing is opened before the first use, and nothing that is open survives a fork.
"""

from .cache import RedisCache
from .sessions import RedisSessions

__all__ = ["RedisCache", "RedisSessions"]

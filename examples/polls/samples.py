"""The polls that a new database begins with, and the people of our imagination who voted in them."""

from store import Draft

_MEETING = Draft(
    title="Which day suits you for the weekly meeting?",
    description="Vote, change your mind, look at the results.",
    responses=("Monday", "Wednesday", "Friday"),
)
_DRINK = Draft(title="Tea or coffee?", responses=("Tea", "Coffee", "Water, please"))
_PARTY = Draft(
    title="Where shall the summer party be?",
    description="Everybody brings something to eat. If it rains, we meet in the canteen.",
    responses=("By the lake", "On the roof", "In the old station", "Somewhere else"),
)

# Each poll with the names of those who chose its first, second, ... response.
SAMPLES = (
    (_MEETING, ()),
    (_DRINK, (("Ada", "Grace"), ("Blaise", "Carl", "Emmy", "Sofia"), ("Alan",))),
    (_PARTY, (("Ada", "Alan", "Emmy", "Grace", "Sofia"), ("Blaise", "Hedy"), ("Carl",))),
)

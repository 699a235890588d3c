% rebase("frame", title="Home")
<h1>Welcome to Bottle Radio</h1>
<p>This page comes from Bottle. These come from services of their own:</p>
<ul>
  % for name in services:
  <li><a href="{{root}}s/{{name}}/">{{name}}</a></li>
  % end
</ul>

<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}} - Bottle Radio</title>
<link rel="icon" href="{{root}}static/icon.svg">
<link rel="stylesheet" href="{{root}}static/site.css">
{{!get("head", "")}}
</head>
<body>
<header>
  <a class="site-name" href="{{root}}">Bottle Radio</a>
  % if person:
  <form method="post" action="{{root}}logout">
    <span class="site-person">{{person.first_name}} {{person.last_name}}</span>
    <button>Log out</button>
  </form>
  % else:
  <a href="{{root}}login">Log in</a>
  % end
</header>
<nav>
  % if defined("page"):
  {{!page.menu}}
  % include("organizations")
  % end
</nav>
<main>
{{!base}}
</main>
</body>
</html>

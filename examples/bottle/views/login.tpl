% rebase("frame", title="Log in")
<h1>Who are you today?</h1>
<form method="post" action="{{root}}login">
  <input type="hidden" name="next" value="{{target}}">
  % for each in people:
  <p><button name="person" value="{{each.id}}">{{each.first_name}} {{each.last_name}}</button></p>
  % end
</form>

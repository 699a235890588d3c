% if page.organization_url and page.organizations:
<form class="site-organizations" method="post" action="{{page.organization_url}}">
  <input type="hidden" name="csrfmiddlewaretoken" value="{{page.csrf_token}}">
  % for each in page.organizations:
  <button name="organization" value="{{each.id}}"{{!" disabled" if each == page.organization else ""}}>{{each.name}}</button>
  % end
</form>
% end

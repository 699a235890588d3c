// In the frame of a service in a sandbox: tells the page around it how high the document is, and which link
// was clicked, so that page and address go along.
(function () {
  "use strict";

  if (window.parent === window) return;

  function tellHeight() {
    window.parent.postMessage({ plugitHeight: document.documentElement.offsetHeight }, "*");
  }

  document.addEventListener("click", function (event) {
    const link = event.target.closest && event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    const here = location.href.split("#")[0];
    if (link.hash && link.href.split("#")[0] === here) return;
    event.preventDefault();
    window.parent.postMessage({ plugitPlace: link.href }, "*");
  });
  new ResizeObserver(tellHeight).observe(document.documentElement);
  window.addEventListener("load", tellHeight);
})();

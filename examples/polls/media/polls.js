// Keeps the bars of a poll up to date while its page is looked at. Without scripts, a reload does the same.
(function () {
  "use strict";

  var list = document.querySelector(".polls-responses[data-source]");
  if (!list || !window.fetch) { return; }

  function show(poll) {
    poll.responses.forEach(function (response) {
      var count = list.querySelector('[data-number="' + response.number + '"]');
      count.parentNode.querySelector("rect").setAttribute("width", response.share);
      count.textContent = response.votes + (response.votes === 1 ? " vote, " : " votes, ") + response.share + " %";
    });
  }

  function ask() {
    if (document.hidden) { return; }
    // "no-cache" means: ask whether what we have is still right. Mostly the answer is an empty 304.
    fetch(list.dataset.source, {cache: "no-cache", headers: {Accept: "application/json"}})
      .then(function (answer) { return answer.ok ? answer.json().then(show) : null; })
      .catch(function () { /* the next time, perhaps */ });
  }

  window.setInterval(ask, 10000);
})();

// In the host's page, around the frame of a service in a sandbox. The frame says how high it is, and where
// its reader wants to go: below its mount, after a click, and nowhere else.
(function () {
  "use strict";

  function resize(frame, height) {
    frame.style.height = Math.min(Math.max(Math.ceil(height), 100), 20000) + "px";
  }

  function go(frame, place) {
    const activation = navigator.userActivation;
    if (!activation || !activation.isActive) return;
    const url = new URL(place, location.origin);
    if (url.origin !== location.origin) return;
    for (const base of [frame.dataset.frame, frame.dataset.mount]) {
      if (url.pathname.startsWith(base)) {
        location.assign(frame.dataset.mount + url.pathname.slice(base.length) + url.search + url.hash);
        return;
      }
    }
  }

  window.addEventListener("message", function (event) {
    const frame = document.querySelector("iframe.plugit-frame");
    if (!frame || event.source !== frame.contentWindow || !event.data) return;
    if (Number.isFinite(event.data.plugitHeight)) resize(frame, event.data.plugitHeight);
    if (typeof event.data.plugitPlace === "string") go(frame, event.data.plugitPlace);
  });
})();

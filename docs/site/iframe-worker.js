// Search without a server: browsers refuse workers of file://, so there its script runs in a hidden
// frame. The plugin `offline` would fetch a file for this from unpkg.com, but for one of this name.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inner = frame.contentWindow;
      inner.document.open();
      inner.document.write("<!doctype html><body></body>");
      inner.document.close();
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inner.document.createElement("script");
      script.src = url;
      const loaded = new Promise((done) => script.addEventListener("load", done));
      inner.document.body.append(script);
      this.postMessage = (data) =>
        loaded.then(() => inner.dispatchEvent(new inner.MessageEvent("message", { data })));
      this.terminate = () => frame.remove();
    }
  };
}

/**
 * Stands in for `@daily-co/daily-js` in the bundle.
 *
 * The WebSocket transport imports that package for `DailyMediaManager`, its default. The package
 * loads code from the internet as soon as a call object is made, so it is kept out altogether:
 * should anything ever ask for it, it must fail here and not on somebody else's host.
 */
function refuse(): never {
  throw new Error("daily-js is not part of this page: use ApplianceMedia as the media manager");
}

export default {
  createCallObject: refuse,
  getCallInstance: refuse,
  supportedBrowser: refuse,
};

import { describe, expect, it } from "vitest";
import { badgesFor, enginesIn, inUseFromHealth, inUseFromRoute } from "../src/call/badges";
import { codeInFragment, describeBrowser, httpsAddress } from "../src/app/browser";
import { readMe } from "../src/server/identity";
import { readError, readHealth, readOffer, readServerMessage, socketAddress, type RouteMessage } from "../src/server/messages";
import { readTrust } from "../src/server/trust";

const ROUTE = {
  type: "route",
  route: "local",
  engines: { stt: "whisper", tts: "espeak-ng", llm: "none" },
  left_the_box: false,
};

describe("server messages", () => {
  it("reads a route, a timer and a notice", () => {
    const route = readServerMessage(ROUTE);
    expect(route).toEqual(ROUTE);
    const inUse = { route: "local", stt: "whisper", tts: "espeak-ng", llm: "none", leftTheBox: false };
    expect(inUseFromRoute(route as RouteMessage)).toEqual(inUse);
    expect(readServerMessage({ type: "timer", id: 7, name: "tea", state: "set", due: 12 })).toMatchObject({ id: "7", due: 12 });
    expect(readServerMessage({ type: "notice", message: "Run `x`." })).toMatchObject({ message: "Run “x”.", advice: "" });
  });

  it.each([null, 3, "route", {}, { type: "other" }, { type: "timer", id: "1", state: "burst" }])("ignores %j", (value) => {
    expect(readServerMessage(value)).toBeNull();
  });
});

describe("answers over HTTP", () => {
  it("tells the appliance's errors from anybody else's", () => {
    const error = { code: "not_paired", message: "wrong `code`", advice: "" };
    expect(readError({ error })).toEqual({ ...error, message: "Wrong “code”" });
    for (const body of [null, "<html>", { error: "no" }, []]) expect(readError(body)).toBeNull();
  });

  it("takes no session without an address", () => {
    expect(readOffer({ session_id: "s", conversation_id: "c" })).toBeNull();
    expect(readOffer({ session_id: "s", conversation_id: "c", ws_url: "/ws/s?token=t" })?.wsUrl).toBe("/ws/s?token=t");
  });

  it("learns who it is and what it should know", () => {
    expect(readMe({ client: { id: "k1", role: "guest" }, warnings: ["Access is open."] })).toEqual({
      id: "k1",
      role: "guest",
      warnings: ["Access is open."],
    });
    expect(readMe({ warnings: "no list" })).toEqual({ id: "", role: "", warnings: [] });
  });

  it("reads health, whole or bare", () => {
    const engines = { stt: { name: "whisper", state: "ready" }, tts: { name: "kokoro", state: "ready" } };
    expect(readHealth({ version: "1", route: "local", ready: true, engines })).toMatchObject({ stt: "whisper", ready: true });
    expect(readHealth(null)).toMatchObject({ route: "local", ready: false });
    expect(readTrust({ https_port: 8443 }).httpsPort).toBe(8443);
    expect(readTrust(null).httpsPort).toBe(443);
  });
});

describe("addresses", () => {
  it.each([
    ["/ws/1?token=a", "https://box.local:8443/x", "wss://box.local:8443/ws/1?token=a"],
    ["/ws/1", "http://localhost:8080/", "ws://localhost:8080/ws/1"],
    ["wss://box/ws/1", "https://box/", "wss://box/ws/1"],
    ["https://box/ws/1", "https://box/", "wss://box/ws/1"],
  ])("%s on %s", (wsUrl, page, expected) => expect(socketAddress(wsUrl, page)).toBe(expected));

  it("finds the code in a fragment", () => {
    expect(codeInFragment("#pair=1234-5678")).toBe("12345678");
    expect(codeInFragment("#other")).toBe("");
    expect(httpsAddress("box.local", 443)).toBe("https://box.local/");
    expect(httpsAddress("box.local", 8443)).toBe("https://box.local:8443/");
  });

  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126 Safari/537.36", "Chrome on Linux"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari on iPhone"],
    ["Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "Firefox on Android"],
    ["Mozilla/5.0 (Windows NT 10.0) Chrome/126 Safari/537.36 Edg/126", "Edge on Windows"],
    ["curl/8", "Browser on an unknown system"],
  ])("%s", (agent, name) => expect(describeBrowser(agent)).toBe(name));
});

describe("badges", () => {
  const inUse = { route: "local", stt: "whisper", tts: "kokoro", llm: "none", leftTheBox: false };

  it("say where the words go and whose voice it is", () => {
    expect(badgesFor(inUse)).toEqual(["local"]);
    expect(badgesFor({ ...inUse, tts: "espeak-ng" })).toEqual(["local", "starter"]);
    expect(badgesFor({ ...inUse, leftTheBox: true })).toEqual(["cloud"]);
  });

  it("name the engines there are", () => {
    expect(enginesIn(inUse)).toEqual([["hears", "whisper"], ["speaks", "kokoro"]]);
    expect(inUseFromHealth(readHealth({ route: "realtime" })).leftTheBox).toBe(true);
  });
});

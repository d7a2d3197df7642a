import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { shellOf } from "../../build/shell";
import { handlingOf, type Handling } from "../../src/shell/handling";

const HERE = "https://box.local";

const asked = (path: string, mode = "navigate", method = "GET"): Handling =>
  handlingOf({ method, mode, url: new URL(path, HERE).href }, HERE);

const ROUTER = readFileSync(fileURLToPath(new URL("../../src/app/router.tsx", import.meta.url)), "utf8");

describe("the service worker", () => {
  it("has every address of the page, and no other", () => {
    const addresses = [...ROUTER.matchAll(/child\("(\/[^"]*)"/g)].map(([, path]) => (path ?? "").replace("$id", "20a4"));
    expect(addresses.length).toBeGreaterThan(8);
    for (const path of [...addresses, "/?debug", "/wall?x=1"]) expect([path, asked(path)]).toEqual([path, "page"]);
    for (const path of ["/trust.html", "/ca.crt", "/nothing", "/conversations/a/b", "/voice-appliance.mobileconfig"]) {
      expect([path, asked(path)]).toEqual([path, "leave"]);
    }
  });

  it.each(["/api/me", "/api/conversations/1/export", "/ws/1", "/health", "/ready", "/config", "/sw.js"])(
    "never answers for %s",
    (path) => expect([asked(path), asked(path, "cors"), asked(path, "no-cors")]).toEqual(["leave", "leave", "leave"]),
  );

  it("keeps the page's own files, and changes nothing", () => {
    expect([asked("/assets/index-1a2b.js", "cors"), asked("/icon.svg", "no-cors")]).toEqual(["asset", "leave"]);
    expect(asked("/assets/index-1a2b.js", "cors", "POST")).toBe("leave");
    expect(asked("https://elsewhere.example/assets/a.js", "cors")).toBe("leave");
  });
});

describe("the files that it keeps", () => {
  const files: { fileName: string; code?: string; source?: string }[] = [
    { fileName: "assets/b-2.js", code: "" },
    { fileName: "assets/a-1.css", source: "" },
    { fileName: "index.html", source: "<title>1</title>" },
    { fileName: "trust.html", source: "" },
    { fileName: "icon-512.png", source: "" },
  ];

  it("are index.html and what is named by its content", () => {
    expect(shellOf(files).files).toEqual(["/", "/assets/a-1.css", "/assets/b-2.js"]);
  });

  it("make another version when any of them is another", () => {
    const changed = (at: number, file: (typeof files)[number]): string => shellOf(files.with(at, file)).version;
    const { version } = shellOf(files);
    expect(shellOf(files.toReversed()).version).toBe(version);
    expect(changed(0, { fileName: "assets/b-3.js" })).not.toBe(version);
    expect(changed(2, { fileName: "index.html", source: "<title>2</title>" })).not.toBe(version);
    expect(changed(4, { fileName: "icon-512.png", source: "2" })).toBe(version);
  });
});

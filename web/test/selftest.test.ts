import { describe, expect, it } from "vitest";
import { readSelftest, redact, reportText, summary, type Report } from "../src/server/selftest";

const FINDINGS = [
  { check: "board", title: "Board", verdict: "ok", message: "Orin Nano", advice: "", seconds: 0.1, figures: {} },
  { check: "page", title: "Web page", verdict: "failure", message: "https://192.168.1.20:8443 is away", advice: "Start it." },
  { check: "heat", title: "Temperature", verdict: "warning", message: "88 °C", advice: "Give it air." },
  { check: "llm", title: "Language model", verdict: "skipped", message: "none", advice: "" },
];

const ANSWER = {
  running: false,
  progress: null,
  trouble: "",
  report: {
    version: "0.1.0",
    started_at: 1_700_000_000,
    verdict: "failure",
    machine: { model: "Orin Nano", architecture: "aarch64", l4t: "39.2.1", gpu: "", cores: 6 },
    findings: FINDINGS,
    names: ["nas", "smith.net", "box.smith.net", "Smith Family CA", "localhost", 7],
  },
  history: [
    { started_at: 1_699_800_000, seconds: 60, version: "0.1.0", verdict: "ok", counts: { ok: 18, warning: 0, failure: 0, skipped: 1 } },
    { started_at: 1_699_900_000, verdict: "failure", counts: { ok: 15, warning: 2, failure: 1 } },
    { started_at: 1_700_000_000, verdict: "failure", counts: { ok: 1, warning: 1, failure: 1 } },
  ],
};

const report = (): Report => {
  const read = readSelftest(ANSWER).report;
  if (!read) throw new Error("no report");
  return read;
};

describe("what the appliance tells of a self-test", () => {
  it("is read", () => {
    expect(report()).toMatchObject({ machine: "Orin Nano, aarch64, L4T 39.2.1", verdict: "failure" });
    expect(report().findings.map((finding) => finding.verdict)).toEqual(["ok", "failure", "warning", "skipped"]);
    expect(summary(report())).toBe("1 failed, 1 to look at, 1 good.");
    expect(summary({ ...report(), findings: report().findings.slice(0, 1) })).toBe("All is well.");
  });

  it.each([null, undefined, 7, "x", [], {}, { report: {} }, { report: { findings: "none" } }])("%j is no report", (body) => {
    expect(readSelftest(body)).toEqual({ running: false, progress: "", share: 0, trouble: "", report: null, earlier: [] });
  });

  it("has the names that are not to be handed on", () => {
    expect(report().names).toEqual(["nas", "smith.net", "box.smith.net", "Smith Family CA", "localhost", "7"]);
    expect(readSelftest({ report: { findings: FINDINGS } }).report?.names).toEqual([]);
  });

  it("tells how those before it went, the newest first", () => {
    expect(readSelftest(ANSWER).earlier).toEqual([
      { startedAt: 1_699_900_000, verdict: "failure", summary: "1 failed, 2 to look at, 15 good." },
      { startedAt: 1_699_800_000, verdict: "ok", summary: "All is well." },
    ]);
    const many = Array.from({ length: 50 }, (_, at) => ({ started_at: at, verdict: "ok" }));
    const earlier = readSelftest({ history: many }).earlier;
    expect([earlier.length, earlier[0]?.startedAt]).toEqual([14, 48]);
    expect(readSelftest({ history: [null, "x"] }).earlier).toEqual([{ startedAt: 0, verdict: "failure", summary: "" }]);
  });

  it("shows how far it is", () => {
    const progress = { done: [{ check: "board", verdict: "ok" }], total: 4, now: "Memory" };
    expect(readSelftest({ running: true, progress })).toMatchObject({ progress: "2 of 4: Memory", share: 0.25 });
    expect(readSelftest({ running: true, progress: null }).progress).toBe("It begins");
  });

  it("takes a verdict it does not know for a failure", () => {
    const odd = { report: { findings: [{ check: "x", verdict: "splendid" }] } };
    expect(readSelftest(odd).report?.findings[0]).toMatchObject({ verdict: "failure", title: "x" });
  });
});

describe("a report to hand on", () => {
  it.each([
    ["a session opened through nginx at https://192.168.1.20:8443 in 90 ms", "through nginx at https://[address] in 90 ms"],
    ["wss://user:word@box.example/ws/1?token=x", "wss://[address]/ws/1"],
    ["for localhost, kitchen, kitchen.local, 10.0.0.7, by kitchen CA", "for localhost, [address], [address], [address], by [address] CA"],
    ["fe80::1a2b:3c4d and ::1 and 2001:db8:0:0:0:0:0:1", "[address] and [address] and [address]"],
    ["aa:bb:cc:dd:ee:ff", "[address]"],
    ["llama3.2 at models.example:11434 answers 401", "llama3.2 at [address] answers 401"],
    ["llama at ollama:11434 cannot", "llama at [address] cannot"],
    ["key sk-proj-abcdefgh1234 and gsk_abcdefgh1", "key [secret] and [secret]"],
    ["Authorization: Bearer abc.def", "Bearer [secret]"],
    ["token Zm9vYmFyMTIzNDU2Nzg5MDEyMzQ1Njc4OTA", "token [secret]"],
    ["/home/anna/models/small.en", "/home/[user]/models/small.en"],
    // As aiohttp says it; a test of the appliance compares.
    [
      "llama at models.smith.net:11434 cannot be reached: Cannot connect to host models.smith.net:11434 ssl:default [Name or service not known]",
      "llama at [address] cannot be reached: Cannot connect to host [address] ssl:default [Name or service not known]",
    ],
    ["Cannot connect to host nas:11434 ssl:default [Connect call failed ('192.168.1.9', 11434)]", "host [address] ssl:default [Connect call failed ('[address]', 11434)]"],
    ["llama at nas cannot be reached: Cannot connect to host nas:80 ssl:default [None]", "llama at [address] cannot be reached: Cannot connect to host [address] ssl"],
    [
      "Cannot connect to host a.smith.net:443 ssl:True [SSLCertVerificationError: (1, \"certificate is not valid for 'a.smith.net'. (_ssl.c:1006)\")]",
      "host [address] ssl:True [SSLCertVerificationError: (1, \"certificate is not valid for '[address]'. (_ssl.c:1006)\")]",
    ],
    ["wss://box.smith.net:8443 is away; box.smith.net answers 401", "wss://[address] is away; [address] answers 401"],
    ["http://user:hush@nas.smith.net/v1", "http://[address]/v1"],
  ])("%s", (words, safe) => expect(redact(words)).toContain(safe));

  it.each([
    "L4T 39.2.1, JetPack 7.2.1-b49",
    "2026-11-21 10:07 UTC, kept by a time server",
    "whisper small.en float16 cuda took 351 ms (20% of real time)",
    "set stt.model or server.host in /etc/voice-appliance/appliance.toml",
    "kokoro-v1.0.onnx is damaged; 80596 MB free at /var/lib/voice-appliance",
    "Test again at rest. It took 10:07:33.",
    "up for 3 d 2 h; slower than at most 50%",
  ])("leaves %s", (words) => expect(redact(words)).toBe(words));

  it("leaves out the name by which the page was opened", () => {
    expect(redact("jetson is at https://jetson/ and jetson-2 is not", "jetson")).toBe(
      "[address] is at https://[address]/ and jetson-2 is not",
    );
  });

  it("removes the names that the appliance lists as its own", () => {
    const certificate = "valid until 2027-01-02, for box.smith.net, *.smith.net, nas, by Smith Family CA, unknown to this machine";
    expect(redact(certificate, ...report().names)).toBe(
      "valid until 2027-01-02, for [address], *.[address], [address], by [address], unknown to this machine",
    );
    // Names below and above such a name are removed too.
    expect(redact("attic.smith.net and nas.smith.net, not nasal", ...report().names)).toBe("[address] and [address], not nasal");
    const withHost = { ...report(), findings: [{ ...report().findings[0]!, message: "llama at nas" }] };
    expect(reportText(withHost)).toContain("Board: llama at [address]\n");
  });

  it("leaves what every appliance is called", () => {
    const words = "see /etc/voice-appliance/appliance.toml; sudo systemctl restart voice-appliance; localhost";
    expect(redact(words, "voice-appliance", "localhost", "appliance")).toBe(words);
  });

  it("has every finding with its advice, and no address", () => {
    const text = reportText(report(), "jetson.lan");
    expect(text).toContain("Voice Appliance 0.1.0, self-test of 2023-11-14T22:13:20.000Z");
    expect(text).toContain("[failure] Web page: https://[address] is away\n    -> Start it.");
    expect(text).toContain("[ok] Board: Orin Nano\n[failure]");
    expect(text).not.toContain("192.168");
  });
});

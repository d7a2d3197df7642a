import { describe, expect, it } from "vitest";
import { readSelftest, redact, reportText, summary, type Report } from "../src/selftest";

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
  },
  history: [],
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
    expect(readSelftest(body)).toEqual({ running: false, progress: "", share: 0, trouble: "", report: null });
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

  it("has every finding with its advice, and no address", () => {
    const text = reportText(report(), "jetson.lan");
    expect(text).toContain("Voice Appliance 0.1.0, self-test of 2023-11-14T22:13:20.000Z");
    expect(text).toContain("[failure] Web page: https://[address] is away\n    -> Start it.");
    expect(text).toContain("[ok] Board: Orin Nano\n[failure]");
    expect(text).not.toContain("192.168");
  });
});

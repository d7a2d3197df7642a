// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { readIssued } from "../../src/server/pairing-codes";
import { role, visit, type Answers } from "../visit";

const NOW = Date.now() / 1000;
const client = (id: string, name: string, itsRole: string, seen: number, revoked: number | null = null) => ({
  ...{ id, name, role: itsRole, created_at: NOW - 1e6, seen_at: NOW - seen, revoked_at: revoked },
});

const CLIENTS = [
  client("me", "Laptop", "admin", 5),
  client("tab", "<b>Tablet</b>", "user", 7300),
  client("old", "Old phone", "user", 9e5, NOW - 5000),
];

const ENTRY = { id: 7, at: NOW - 60, what: "role changed", who: "me", address: "10.0.0.7", outcome: "done", client_id: "tab", detail: "to user" };
const REFUSED = { id: 6, at: NOW - 90, what: "paired", who: null, address: "10.0.0.9", outcome: "pairing_refused", client_id: null, detail: "" };

function answers(more: Answers = {}): Answers {
  return {
    "/api/me": role("admin"),
    "/api/clients": { body: { clients: CLIENTS } },
    "/api/pairing-codes": { body: { codes: [] } },
    "/api/audit?limit=50": { body: { audit: [ENTRY, REFUSED] } },
    ...more,
  };
}

describe("the devices", () => {
  it("are listed by name, and a name is never markup", async () => {
    await visit("/devices", answers());
    const row = await screen.findByRole("row", { name: /Tablet/ });
    expect(within(row).getByText("<b>Tablet</b>")).toBeTruthy();
    expect(within(row).getByText("2 hours ago")).toBeTruthy();
    expect(within(screen.getByRole("row", { name: /Laptop/ })).getByText("this device")).toBeTruthy();
    expect(screen.getByText("1 device without access")).toBeTruthy();
  });

  it("get another role, except the only administrator", async () => {
    const { user, requests } = await visit("/devices", answers({ "PATCH /api/clients/tab": { status: 204 } }));
    const own = await screen.findByLabelText<HTMLSelectElement>("Role of Laptop");
    expect(own.disabled).toBe(true);
    await user.selectOptions(screen.getByLabelText("Role of <b>Tablet</b>"), "Guest");
    await screen.findByText("<b>Tablet</b>: Guest from now on");
    expect(requests).toContainEqual({ method: "PATCH", path: "/api/clients/tab", body: { role: "guest" } });
  });

  it("are renamed", async () => {
    const { user, requests } = await visit("/devices", answers({ "PATCH /api/clients/tab": { status: 204 } }));
    await user.click(await screen.findByRole("button", { name: "Actions for <b>Tablet</b>" }));
    await user.click(await screen.findByRole("menuitem", { name: "Rename" }));
    const field = await screen.findByLabelText("Name");
    await user.clear(field);
    await user.type(field, "Kitchen");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await expect.poll(() => requests.find(({ method }) => method === "PATCH")?.body).toEqual({ name: "Kitchen" });
  });

  it("lose access only after a yes", async () => {
    const { user, requests } = await visit("/devices", answers({ "DELETE /api/clients/tab": { status: 204 } }));
    const revoked = (): boolean => requests.some(({ method }) => method === "DELETE");
    await user.click(await screen.findByRole("button", { name: "Actions for <b>Tablet</b>" }));
    await user.click(await screen.findByRole("menuitem", { name: "End access" }));
    const dialog = await screen.findByRole("dialog", { name: "End the access of <b>Tablet</b>?" });
    expect(revoked()).toBe(false);
    await user.click(within(dialog).getByRole("button", { name: "End access" }));
    await screen.findByText("<b>Tablet</b> has no access any more");
    expect(revoked()).toBe(true);
  });
});

const CODE = { id: "c1", code: "01234567", role: "guest", expires_in: 300, link: "https://box/#pair=01234567", words: "acid age", fingerprint: "AB" };

describe("another device", () => {
  it("is shown a code as digits and as a drawing, until it is used", async () => {
    let codes = [{ id: "c1", role: "guest", expires_in: 300 }];
    const { user, requests } = await visit(
      "/devices",
      answers({
        "POST /api/pairing-codes": { status: 201, body: { ...CODE, qr: { size: 29, path: "M4 4h7v1h-7z" } } },
        "/api/pairing-codes": () => ({ body: { codes } }),
      }),
    );
    await user.click(await screen.findByRole("button", { name: "Pair a device" }));
    await user.selectOptions(await screen.findByLabelText("Role"), "Guest");
    await user.click(screen.getByRole("button", { name: "Make a code" }));
    await screen.findByText("0123 4567");
    expect(screen.getByRole("img", { name: "QR code of the link" }).querySelector("path")?.getAttribute("d")).toBe("M4 4h7v1h-7z");
    expect(screen.getByText(/acid age/)).toBeTruthy();
    expect(requests).toContainEqual({ method: "POST", path: "/api/pairing-codes", body: { role: "guest", minutes: 5 } });
    codes = [];
    await screen.findByText("The device is paired.");
    expect(screen.queryByText("0123 4567")).toBeNull();
  });

  it("cannot be let in by a code that was revoked", async () => {
    let codes = [{ id: "c1", role: "guest", expires_in: 240 }];
    const revoke = () => {
      codes = [];
      return { status: 204 };
    };
    const { user } = await visit("/devices", answers({ "/api/pairing-codes": () => ({ body: { codes } }), "DELETE /api/pairing-codes/c1": revoke }));
    await screen.findByText("Guest, works for 4 minutes more");
    await user.click(screen.getByRole("button", { name: "Revoke" }));
    await expect.poll(() => screen.queryByText("Open pairing codes")).toBeNull();
  });

  it("gets no drawing that is more than a path", () => {
    const { qr } = readIssued({ ...CODE, qr: { size: 29, path: 'M4 4h1"/><script>z' } });
    expect(qr.path).not.toMatch(/[^MVHvhz\d -]/);
  });
});

describe("the audit trail", () => {
  it("names who did what to whom, and strangers that were refused", async () => {
    await visit("/devices", answers());
    const trail = within(await screen.findByRole("region", { name: "Audit trail" }));
    await trail.findByText("Laptop · 10.0.0.7 · to user");
    expect(trail.getByText("a stranger · 10.0.0.9")).toBeTruthy();
    expect(trail.getByText("refused")).toBeTruthy();
  });

  it("is filtered, and continued where a page was full", async () => {
    const full = Array.from({ length: 50 }, (_, at) => ({ ...ENTRY, id: 100 - at }));
    const { user, requests } = await visit(
      "/devices",
      answers({
        "/api/audit?limit=50&client=tab": { body: { audit: full } },
        "/api/audit?limit=50&before=51&client=tab": { body: { audit: [REFUSED] } },
      }),
    );
    await screen.findByRole("option", { name: "Laptop" });
    await user.selectOptions(screen.getByLabelText("Which device"), "tab");
    await user.click(await screen.findByRole("button", { name: "Show older entries" }));
    await screen.findByText("a stranger · 10.0.0.9");
    expect(requests.map(({ path }) => path)).toContain("/api/audit?limit=50&before=51&client=tab");
    expect(screen.queryByRole("button", { name: "Show older entries" })).toBeNull();
  });
});

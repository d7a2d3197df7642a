// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { heardText } from "../../src/call/transcript";
import { visit, type Answers, type Visit } from "../visit";

const summary = (id: string, title: string): object => ({ id, title, updated_at: 1_790_000_000, turns: 2 });
const turn = (number: number, said: string, answer: string): object => ({
  ...{ session_id: "s", number, started_at: 1_790_000_000, user_text: said, answer, engines: {}, left_the_box: number > 1 },
});

const LIST: Answers = { "/api/conversations?limit=50": { body: { conversations: [summary("c1", "The cake"), summary("c2", "")] } } };
const TURNS: Answers = {
  "/api/conversations/c1/turns?limit=50": {
    body: { summary: summary("c1", "The cake"), turns: [turn(2, "And the icing?", "<b>Sugar</b>")], before: 7 },
  },
  "/api/conversations/c1/turns?limit=50&before=7": {
    body: { summary: summary("c1", "The cake"), turns: [turn(1, "How long does it take?", "An hour.")], before: null },
  },
};

const sent = ({ requests }: Visit): string[] =>
  requests.filter(({ method }) => method !== "GET").map(({ method, path }) => `${method} ${path}`);

describe("the list of conversations", () => {
  it("shows each with its title, and finds what was said", async () => {
    const { user } = await visit("/conversations", {
      ...LIST,
      "/api/conversations/search?q=icing": {
        body: { found: [{ conversation_id: "c1", title: "The cake", session_id: "s", turn: 2, at: 1, excerpt: "And the [icing]?" }] },
      },
    });
    await screen.findByRole("link", { name: "The cake" });
    await screen.findByRole("link", { name: "Without a word" });
    await user.type(screen.getByRole("searchbox"), "icing");
    const found = await screen.findByRole("list", { name: "Found" });
    expect(within(found).getByText("icing").tagName).toBe("MARK");
  });

  it("renames, and deletes so that it can be undone", async () => {
    const page = await visit("/conversations", {
      ...LIST,
      "PATCH /api/conversations/c1": { status: 204 },
      "DELETE /api/conversations/c1": { status: 204 },
      "POST /api/conversations/c1/restore": { status: 204 },
    });
    const { user, requests } = page;
    const open = async (item: string): Promise<void> => {
      await user.click(await screen.findByRole("button", { name: "What to do with The cake" }));
      await user.click(await screen.findByRole("menuitem", { name: item }));
    };
    await open("Rename…");
    const title = await screen.findByLabelText("Title");
    await user.clear(title);
    await user.type(title, "The sponge");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await vi.waitFor(() => expect(requests.find(({ method }) => method === "PATCH")?.body).toEqual({ title: "The sponge" }));
    await open("Delete");
    // Without its style sheet the list of notes lets no pointer through.
    (await screen.findByRole("button", { name: "Undo" })).click();
    await vi.waitFor(() =>
      expect(sent(page)).toEqual(["PATCH /api/conversations/c1", "DELETE /api/conversations/c1", "POST /api/conversations/c1/restore"]),
    );
  });

  it("says whether new ones are kept, and changes it", async () => {
    let keep = true;
    const { user } = await visit("/conversations", {
      "/api/conversations?limit=50": { body: { conversations: [] } },
      "/api/preferences": () => ({ body: { keep_conversations: keep } }),
      "PATCH /api/preferences": ({ body }) => {
        keep = (body as { keep_conversations: boolean }).keep_conversations;
        return { status: 204 };
      },
    });
    await screen.findByText("No conversations yet");
    await user.click(await screen.findByRole("switch", { name: "Keep my conversations" }));
    await vi.waitFor(() => expect(screen.getByRole("switch").getAttribute("aria-checked")).toBe("false"));
  });
});

describe("a conversation", () => {
  it("shows its turns as text, and the earlier ones by a press", async () => {
    const { user } = await visit("/conversations/c1", TURNS);
    await screen.findByRole("heading", { level: 1, name: "The cake" });
    screen.getByText("<b>Sugar</b>");
    expect(screen.queryByText("An hour.")).toBeNull();
    await user.click(screen.getByRole("button", { name: "Earlier" }));
    await screen.findByText("An hour.");
    expect(screen.getAllByText(/how long|icing/i).map(({ textContent }) => textContent)).toEqual([
      "How long does it take?",
      "And the icing?",
    ]);
  });

  it("goes on where it was", async () => {
    const { user, call, requests } = await visit("/conversations/c1", TURNS);
    await user.click(await screen.findByRole("button", { name: "Continue" }));
    await screen.findByRole("heading", { level: 1, name: "Voice Appliance" });
    expect(call.transcript.get().entries.map(heardText)).toEqual(["And the icing?", "<b>Sugar</b>"]);
    await vi.waitFor(() =>
      expect(requests.find(({ path }) => path === "/api/sessions")?.body).toMatchObject({ conversation_id: "c1" }),
    );
  });
});

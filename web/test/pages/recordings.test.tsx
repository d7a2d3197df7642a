// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { placeAt, placesOf } from "../../src/pages/conversations/places";
import type { Turn } from "../../src/server/conversations";
import { visit, type Answers } from "../visit";

const turn = (number: number, startedAt: number, session = "s1"): Turn => ({
  ...{ session, number, startedAt, said: `question ${number}`, answer: `answer ${number}` },
  engines: {},
  leftTheBox: false,
});

const RECORDING = { id: "1000-s1", sessionId: "s1", startedAt: 1000, seconds: 60, bytes: 1 };

describe("the places of turns in a recording", () => {
  it("are before the words were understood, and not in the turn before", () => {
    const places = placesOf(RECORDING, [turn(1, 990), turn(2, 1010), turn(3, 1012), turn(4, 1020, "s2"), turn(5, 1100)]);
    expect(places.map(({ second, said }) => [second, said])).toEqual([
      [6, "question 2"],
      [10, "question 3"],
    ]);
    expect([0, 6, 9, 10, 59].map((second) => placeAt(places, second))).toEqual([-1, 0, 0, 1, 1]);
  });

  it("go on while a recording is made", () => {
    expect(placesOf({ ...RECORDING, seconds: null }, [turn(1, 9000)])).toHaveLength(1);
  });
});

const PLACE = "/api/conversations/c1/recordings";
const row = (number: number) => ({ session_id: "s1", number, started_at: 1000 + 10 * number, user_text: `question ${number}`, answer: `answer ${number}` });

function answers(more: Answers = {}): Answers {
  return {
    "/api/conversations/c1/turns?limit=50": { body: { before: null, summary: { id: "c1", title: "Noon" }, turns: [row(1), row(2)] } },
    [PLACE]: { body: { recordings: [{ id: "1000-s1", session_id: "s1", started_at: 1000, seconds: 60, bytes: 5 }] } },
    ...more,
  };
}

describe("a recording beside the words", () => {
  it("is played from where a turn was said", async () => {
    const play = vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue(undefined);
    const { user } = await visit("/conversations/c1", answers());
    const player = await screen.findByRole("region", { name: /^Recording of/ });
    const sound = player.querySelector("audio");
    expect(sound?.getAttribute("src")).toBe(`${PLACE}/1000-s1`);
    await user.click(within(player).getByRole("button", { name: "Listen from 0:16: question 2" }));
    expect([sound?.currentTime, play.mock.calls.length]).toEqual([16, 1]);
    play.mockRestore();
  });

  it("is deleted after a yes", async () => {
    let recordings = [{ id: "1000-s1", session_id: "s1", started_at: 1000, seconds: 60, bytes: 5 }];
    const remove = () => {
      recordings = [];
      return { status: 204 };
    };
    const { user } = await visit("/conversations/c1", answers({ [PLACE]: () => ({ body: { recordings } }), [`DELETE ${PLACE}/1000-s1`]: remove }));
    await user.click(await screen.findByRole("button", { name: "Delete the recording" }));
    const dialog = await screen.findByRole("dialog", { name: "Delete this recording?" });
    await user.click(within(dialog).getByRole("button", { name: "Delete the recording" }));
    await expect.poll(() => screen.queryByRole("region", { name: /^Recording of/ })).toBeNull();
  });

  it("is not spoken of where there is none", async () => {
    await visit("/conversations/c1", answers({ [PLACE]: { body: { recordings: [] } } }));
    await screen.findByRole("heading", { level: 1, name: "Noon" });
    expect(screen.queryByText("Recordings")).toBeNull();
  });
});

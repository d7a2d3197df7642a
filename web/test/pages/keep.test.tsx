// @vitest-environment happy-dom

import { act, screen } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { AT_REST } from "../../src/call/state";
import { remembered } from "../../src/call/transcript";
import { visit } from "../visit";

describe("a conversation that is not to be kept", () => {
  it("is asked about once something was said, and can be kept again", async () => {
    const { user, call } = await visit("/");
    const asked: boolean[] = [];
    vi.spyOn(call, "setKept").mockImplementation(async (kept) => {
      asked.push(kept);
      call.state.update({ facts: { ...call.state.get().facts, kept } });
    });
    await screen.findByRole("button", { name: "Connect" });
    expect(screen.queryByRole("button", { name: "Do not keep it" })).toBeNull();
    act(() => call.state.update({ facts: { ...AT_REST, wanted: true, transport: "ready", kept: true } }));
    await user.click(await screen.findByRole("button", { name: "Do not keep it" }));
    await user.click(await screen.findByRole("button", { name: "Keep it from now on" }));
    act(() => call.transcript.set(remembered([{ startedAt: 1, said: "a secret", answer: "", engines: {}, leftTheBox: false }])));
    const stop = await screen.findByRole("button", { name: "Do not keep it" });
    await vi.waitFor(() => expect(screen.getByRole("button", { name: "Start afresh" })).toHaveProperty("disabled", false));
    await user.click(stop);
    await screen.findByText(/deleted from the appliance/);
    expect(asked).toEqual([false, true]);
  });
});

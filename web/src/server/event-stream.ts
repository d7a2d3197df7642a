/** Reads server-sent events from a stream of text. Pure. */

export interface StreamEvent {
  topic: string;
  data: unknown;
}

/** Keeps what is incomplete for the next piece; passes over what is no event of this protocol. */
export class EventReader {
  private rest = "";

  feed(piece: string): StreamEvent[] {
    const blocks = (this.rest + piece).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(readBlock).filter((event) => event !== null);
  }
}

function readBlock(block: string): StreamEvent | null {
  const values = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const topic = values.get("event");
  if (!topic) return null;
  try {
    return { topic, data: JSON.parse(values.get("data") ?? "null") };
  } catch {
    return null;
  }
}

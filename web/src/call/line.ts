/**
 * What only a call needs: the client, its transport and their protobuf, a third of the page's code.
 * Fetched apart from the page, once it is shown.
 */

import type { Microphone } from "../audio/microphone";
import type { Speaker } from "../audio/speaker";
import { ApplianceMedia } from "./media";
import type { Traffic } from "./traffic";
import { Session, type SessionEvent } from "./session";

export class Line {
  private readonly media: ApplianceMedia;

  constructor(microphone: Microphone, speaker: Speaker) {
    this.media = new ApplianceMedia(microphone, speaker);
  }

  /** A packet of the microphone, for the session that is up. */
  deliver(packet: ArrayBuffer): void {
    this.media.deliver(packet);
  }

  setMuted(muted: boolean): void {
    void this.media.enableMic(!muted);
  }

  get traffic(): Traffic {
    return this.media.traffic;
  }

  session(emit: (event: SessionEvent) => void): Session {
    return new Session(this.media, emit);
  }
}

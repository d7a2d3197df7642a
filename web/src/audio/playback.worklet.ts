/** Plays what it is sent, one queue for the life of the page; a flush is heard within 10 ms. */

import { NOTHING_PLAYED, PLAYBACK_NAME, PLAYBACK_RATE, type ToPlayback } from "./protocol";
import { PlaybackQueue } from "./queue";

/** Samples of speech between two reports: 40 ms. */
const REPORT_EVERY = PLAYBACK_RATE / 25;

class Playback extends AudioWorkletProcessor {
  private readonly queue = new PlaybackQueue();
  private reported = NOTHING_PLAYED;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<ToPlayback>): void => {
      if ("play" in event.data) this.queue.push(event.data.play);
      else this.queue.flush();
    };
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const channel = outputs[0]?.[0];
    if (channel) this.queue.pull(channel);
    const { playing, played, queued, underruns, refused } = this.queue;
    if (playing !== this.reported.playing || played - this.reported.played >= REPORT_EVERY) {
      this.reported = { playing, played, queued, underruns, refused };
      this.port.postMessage(this.reported);
    }
    return true;
  }
}

registerProcessor(PLAYBACK_NAME, Playback);

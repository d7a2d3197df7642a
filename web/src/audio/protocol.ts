/** Messages between the page and its two worklets, and their sample rates. */

export const CAPTURE_RATE = 16_000;
export const PLAYBACK_RATE = 24_000;

/** 20 ms at 16 kHz: what the appliance expects in one message. */
export const CAPTURE_PACKET = 320;

export const CAPTURE_NAME = "appliance-capture";
export const PLAYBACK_NAME = "appliance-playback";

export type ToPlayback = { play: Int16Array } | { flush: true };

/** Where playback stands, in samples; sent when `playing` changes and every 40 ms of speech. */
export interface FromPlayback {
  playing: boolean;
  played: number;
  queued: number;
  /** How often it ran dry in mid-speech, and packets for which there was no room. */
  underruns: number;
  refused: number;
}

export const NOTHING_PLAYED: FromPlayback = { playing: false, played: 0, queued: 0, underruns: 0, refused: 0 };

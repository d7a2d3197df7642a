/** Which microphone and loudspeaker this browser uses, and how it listens. Kept in this browser. */

export type Kind = "audioinput" | "audiooutput";

export interface Device {
  id: string;
  /** "" until the browser has been allowed a microphone. */
  label: string;
}

/** "free": it listens all the time; "hold" and "toggle": only while or after a button is pressed. */
export const LISTENING = ["free", "hold", "toggle"] as const;
export type Listening = (typeof LISTENING)[number];

const KEYS = { audioinput: "microphone", audiooutput: "loudspeaker" } as const;

export async function devices(kind: Kind): Promise<Device[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  // Chrome lists the default twice: as itself, and under its own id.
  return all
    .filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default")
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/** "" is the system's own choice. */
export function chosenDevice(kind: Kind): string {
  return localStorage.getItem(KEYS[kind]) ?? "";
}

export function chooseDevice(kind: Kind, id: string): void {
  localStorage.setItem(KEYS[kind], id);
}

export function chosenListening(): Listening {
  return LISTENING.find((mode) => mode === localStorage.getItem("listening")) ?? "free";
}

export function chooseListening(mode: Listening): void {
  localStorage.setItem("listening", mode);
}

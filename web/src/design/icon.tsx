/** The page's icons, 24 x 24, drawn with lines. They say nothing that words beside them do not say. */

import type { ReactNode } from "react";

const PATHS = {
  talk: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3",
  conversations: "M4 5h16v11H9l-5 4z",
  tasks: "M4 6l1.500 1.500L8 5M4 12l1.500 1.500L8 11M4 18l1.500 1.500L8 17M11.500 6.500H20M11.500 12.500H20M11.500 18.500H20",
  settings: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h9M17 17h3M15 5v4M9 10v4M15 15v4",
  models: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  devices: "M7 3h10v18H7zM11 18h2",
  status: "M3 12h4l2.500-6 4 12 2.500-6h5",
  wall: "M4 4h16v12H4zM9 20h6M12 7v3l2 1.500",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  "hang-up": "M3.500 13.500c5-4.500 12-4.500 17 0l-2.300 2.600-3.600-1.500v-2.300a10 10 0 0 0-5.200 0v2.300l-3.600 1.500z",
  mute: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3M4 4l16 16",
  stop: "M7 7h10v10H7z",
  send: "M4 12h15M13 6l6 6-6 6",
  warning: "M12 3.500L22 20.500H2zM12 10v5M12 17.600v.400",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  share: "M12 15V3M8 7l4-4 4 4M5 12v8h14v-8",
  repeat: "M4 11a8 8 0 0 1 14-4l2 2M20 4v5h-5M20 13a8 8 0 0 1-14 4l-2-2M4 20v-5h5",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.500l4.500 4.500L19 7.500",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  delete: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  edit: "M4 20l1-4L16 5l3 3L8 19z",
  download: "M12 4v11M8 11l4 4 4-4M5 20h14",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  timer: "M12 6a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM12 10v4M9.500 2.500h5",
  speaker: "M4 9.500v5h4l5 4v-13l-5 4zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8v.01",
  external: "M13 4h7v7M20 4l-9 9M18 14v6H4V6h6",
  record: "M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12z",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2",
  private: "M3 12s3.500-6 9-6 9 6 9 6-3.500 6-9 6-9-6-9-6zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4 4l16 16",
  refresh: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

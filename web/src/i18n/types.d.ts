/** `t` accepts only keys that the English files have. A new namespace needs its line here. */

import "i18next";
import type common from "./locales/en/common.json";
import type talk from "./locales/en/talk.json";
import type conversations from "./locales/en/conversations.json";
import type timers from "./locales/en/timers.json";
import type tasks from "./locales/en/tasks.json";
import type settings from "./locales/en/settings.json";
import type models from "./locales/en/models.json";
import type devices from "./locales/en/devices.json";
import type status from "./locales/en/status.json";
import type recording from "./locales/en/recording.json";
import type wall from "./locales/en/wall.json";
import type debug from "./locales/en/debug.json";
import type design from "./locales/en/design.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: {
      common: typeof common;
      talk: typeof talk;
      conversations: typeof conversations;
      tasks: typeof tasks;
      timers: typeof timers;
      settings: typeof settings;
      models: typeof models;
      devices: typeof devices;
      status: typeof status;
      recording: typeof recording;
      wall: typeof wall;
      debug: typeof debug;
      design: typeof design;
    };
  }
}

/** Which microphone and loudspeaker, each with a test, and how the page listens. */

import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState, useUiState } from "../../call/hooks";
import { isLive } from "../../call/state";
import { chosenDevice, devices, LISTENING, type Device, type Kind } from "../../call/devices";
import { Button, IconButton } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { Select } from "../../design/fields";
import { height } from "./levels";

export function DevicesButton(): ReactNode {
  const { t } = useTranslation("talk");
  const [open, setOpen] = useState(false);
  return (
    <>
      <IconButton id="devices" icon="settings" label={t("devices.title")} onClick={() => setOpen(true)} />
      <Dialog open={open} title={t("devices.title")} onClose={() => setOpen(false)}>
        <Choices />
      </Dialog>
    </>
  );
}

function Choices(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const listening = useCallState((state) => state.listening);
  return (
    <>
      <DeviceSelect kind="audioinput" />
      <MicrophoneTest />
      {"setSinkId" in AudioContext.prototype && <DeviceSelect kind="audiooutput" />}
      <Button icon="speaker" onClick={() => void call.testSound()}>
        {t("devices.testSound")}
      </Button>
      <Select
        label={t("devices.listening")}
        help={t(`devices.modes.${listening}.help`)}
        value={listening}
        options={LISTENING.map((value) => ({ value, label: t(`devices.modes.${value}.label`) }))}
        onChange={(mode) => call.setListening(mode)}
      />
    </>
  );
}

function useDevices(kind: Kind): Device[] {
  const [found, setFound] = useState<Device[]>([]);
  const mic = useCallState((state) => state.mic);
  useEffect(() => {
    const look = (): void => void devices(kind).then(setFound, () => setFound([]));
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
    // A microphone that was allowed gives the devices their names.
  }, [kind, mic]);
  return found;
}

function DeviceSelect({ kind }: { kind: Kind }): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const found = useDevices(kind);
  const [chosen, setChosen] = useState(() => chosenDevice(kind));
  const known = found.some(({ id }) => id === chosen);
  const choose = (id: string): void => {
    setChosen(id);
    void call.choose(kind, id);
  };
  return (
    <Select
      label={t(`devices.${kind}`)}
      help={chosen && !known && found.length > 0 ? t("devices.away") : ""}
      value={known ? chosen : ""}
      options={[
        { value: "", label: t("devices.system") },
        ...found.map(({ id, label }, at) => ({ value: id, label: label || t("devices.unnamed", { number: at + 1 }) })),
      ]}
      onChange={choose}
    />
  );
}

/** Before a call the microphone is opened for the test alone. */
function MicrophoneTest(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const live = isLive(useUiState());
  const [testing, setTesting] = useState(false);
  const shown = live || testing;
  useEffect(() => {
    if (testing) return () => void call.endMicrophoneTest();
    return undefined;
  }, [call, testing]);
  const test = async (): Promise<void> => setTesting(await call.testMicrophone());
  return (
    <div className="row">
      {!live && (
        <Button icon="talk" onClick={() => (testing ? setTesting(false) : void test())}>
          {t(testing ? "devices.testEnd" : "devices.testMicrophone")}
        </Button>
      )}
      {shown && <LevelMeter />}
    </div>
  );
}

function LevelMeter(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const meter = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    let frame = 0;
    const show = (): void => {
      if (meter.current) meter.current.value = height(call.levels().you);
      frame = requestAnimationFrame(show);
    };
    show();
    return () => cancelAnimationFrame(frame);
  }, [call]);
  return <meter ref={meter} className="level" min={0} max={1} aria-label={t("devices.level")} />;
}

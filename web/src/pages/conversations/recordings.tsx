/** The recordings of a conversation, played beside its words: each turn begins where it was said. */

import "./recordings.css";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button";
import { Card } from "../../design/card";
import { Confirm } from "../../design/dialog";
import { useToaster } from "../../design/toast";
import { moment, playtime } from "../../i18n/time";
import type { Turn } from "../../server/conversations";
import { deleteRecording, recordingsQuery, soundOf, type Recording } from "../../server/recordings";
import { placesOf, placeAt, type Place } from "./places";

interface RecordingsProps {
  conversationId: string;
  turns: readonly Turn[];
}

/** Nothing where the conversation was never recorded. */
export function Recordings({ conversationId, turns }: RecordingsProps): ReactNode {
  const { t } = useTranslation("recording");
  const { data: recordings = [] } = useQuery(recordingsQuery(conversationId));
  if (recordings.length === 0) return null;
  return (
    <Card title={t("title")} className="recordings">
      {recordings.map((recording) => (
        <Player key={recording.id} conversationId={conversationId} recording={recording} places={placesOf(recording, turns)} />
      ))}
    </Card>
  );
}

interface PlayerProps {
  conversationId: string;
  recording: Recording;
  places: readonly Place[];
}

function Player({ conversationId, recording, places }: PlayerProps): ReactNode {
  const { t, i18n } = useTranslation("recording");
  const sound = useRef<HTMLAudioElement>(null);
  const [now, setNow] = useState<number | null>(null);
  const playFrom = (second: number): void => {
    if (!sound.current) return;
    sound.current.currentTime = second;
    void sound.current.play();
  };
  const name = t("of", { when: moment(recording.startedAt, i18n.language) });
  return (
    <section className="player" aria-label={name}>
      <div className="row spread">
        <h3>{name}</h3>
        <Delete conversationId={conversationId} recording={recording} />
      </div>
      {recording.seconds === null && <p>{t("growing")}</p>}
      <audio
        ref={sound}
        controls
        preload="metadata"
        aria-label={name}
        src={soundOf(conversationId, recording.id)}
        onTimeUpdate={(event) => setNow(event.currentTarget.currentTime)}
      />
      <Words places={places} current={now === null ? -1 : placeAt(places, now)} onPlay={playFrom} />
    </section>
  );
}

interface WordsProps {
  places: readonly Place[];
  /** Which of them is heard now; -1 for none. */
  current: number;
  onPlay: (second: number) => void;
}

function Words({ places, current, onPlay }: WordsProps): ReactNode {
  const { t } = useTranslation("recording");
  return (
    <ol className="heard" role="list">
      {places.map(({ key, second, said, answer }, at) => (
        <li key={key} aria-current={at === current ? "true" : undefined}>
          <button
            type="button"
            aria-label={t("listen", { time: playtime(second), words: said || answer })}
            onClick={() => onPlay(second)}
          >
            <span className="time">{playtime(second)}</span>
            <span>
              {said && <span className="said">{said}</span>}
              {answer && <span className="answer">{answer}</span>}
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Delete({ conversationId, recording }: { conversationId: string; recording: Recording }): ReactNode {
  const { t } = useTranslation("recording");
  const queries = useQueryClient();
  const toaster = useToaster();
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => deleteRecording(conversationId, recording.id),
    onError: toaster.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: recordingsQuery(conversationId).queryKey }),
  });
  return (
    <>
      <IconButton icon="delete" label={t("delete")} disabled={remove.isPending} onClick={() => setAsking(true)} />
      <Confirm open={asking} title={t("sure")} action={t("delete")} onConfirm={() => remove.mutate()} onClose={() => setAsking(false)}>
        <p>{t("follows")}</p>
      </Confirm>
    </>
  );
}

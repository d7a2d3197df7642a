/** One kept conversation: what was said, and the way to go on with it. */

import "./conversations.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall } from "../../call/hooks";
import { Badge } from "../../design/badge";
import { Button } from "../../design/button";
import { Icon } from "../../design/icon";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { RichText } from "../../design/rich-text";
import { turnsQuery, type Summary, type Turn } from "../../server/conversations";
import { ConversationMenu } from "./actions";
import { useMoment } from "./moment";
import { Recordings } from "./recordings";

export default function ConversationPage(): ReactNode {
  const { t } = useTranslation("conversations");
  const { id } = useParams({ from: "/conversations/$id" });
  const query = useInfiniteQuery(turnsQuery(id));
  const summary = query.data?.pages[0]?.summary;
  // The pages come the last one first.
  const turns = query.data?.pages.toReversed().flatMap((page) => page.turns) ?? [];
  return (
    <Page title={summary?.title || t("untitled")} actions={summary && <Actions summary={summary} />}>
      <Link className="back" to="/conversations">
        <Icon name="back" />
        {t("back")}
      </Link>
      <Loaded query={query}>
        {() => (
          <>
            <Recordings conversationId={id} turns={turns} />
            {query.hasNextPage && (
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t("earlier")}
              </Button>
            )}
            <ol className="list turns" role="list">
              {turns.map((turn) => (
                <OneTurn key={`${turn.session} ${turn.number}`} turn={turn} />
              ))}
            </ol>
            {turns.length === 0 && <p className="soft">{t("silent")}</p>}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ summary }: { summary: Summary }): ReactNode {
  const { t } = useTranslation("conversations");
  const call = useCall();
  const navigate = useNavigate();
  const leave = (to: "/" | "/conversations"): void => void navigate({ to });
  const goOn = (): void => {
    // Begun within the click, which browsers want before they give the microphone.
    void call.continueIn(summary.id).then(() => call.start());
    leave("/");
  };
  return (
    <>
      <Button kind="primary" icon="talk" onClick={goOn}>
        {t("actions.continue")}
      </Button>
      <ConversationMenu conversation={summary} onDeleted={() => leave("/conversations")} />
    </>
  );
}

function OneTurn({ turn }: { turn: Turn }): ReactNode {
  const { t } = useTranslation("conversations");
  const moment = useMoment();
  return (
    <li className="turn">
      {turn.said && (
        <div className="words you">
          <h3>{t("who.you")}</h3>
          <p>{turn.said}</p>
        </div>
      )}
      {turn.answer && (
        <div className="words assistant">
          <h3>{t("who.assistant")}</h3>
          <div className="main">
            <RichText text={turn.answer} />
          </div>
        </div>
      )}
      <p className="when">
        {moment(turn.startedAt)} {turn.leftTheBox && <Badge tone="bad">{t("leftTheBox")}</Badge>}
      </p>
    </li>
  );
}

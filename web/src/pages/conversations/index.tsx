/** The kept conversations, the latest first, with a search through what was said in them. */

import "./conversations.css";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Empty } from "../../design/empty";
import { Switch } from "../../design/fields";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { useToaster } from "../../design/toast";
import { conversationsQuery, searchQuery, type Hit, type Summary } from "../../server/conversations";
import { preferencesQuery, setKeepConversations } from "../../server/preferences";
import { ConversationMenu } from "./actions";
import { useMoment } from "./moment";

export default function ConversationsPage(): ReactNode {
  const { t } = useTranslation("conversations");
  const [words, setWords] = useState("");
  const sought = useDeferredValue(words.trim());
  return (
    <Page title={t("title")}>
      <input
        type="search"
        className="search"
        aria-label={t("search.label")}
        placeholder={t("search.label")}
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
      {sought ? <Found words={sought} /> : <List />}
      <KeepSwitch />
    </Page>
  );
}

function List(): ReactNode {
  const { t } = useTranslation("conversations");
  const query = useInfiniteQuery(conversationsQuery);
  return (
    <Loaded query={query}>
      {({ pages }) =>
        pages.flat().length === 0 ? (
          <Empty title={t("none")}>
            <p>{t("noneHelp")}</p>
          </Empty>
        ) : (
          <>
            <ul className="list" role="list">
              {pages.flat().map((conversation) => (
                <Row key={conversation.id} conversation={conversation} />
              ))}
            </ul>
            {query.hasNextPage && (
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t("older")}
              </Button>
            )}
          </>
        )
      }
    </Loaded>
  );
}

function Row({ conversation }: { conversation: Summary }): ReactNode {
  const { t } = useTranslation("conversations");
  const moment = useMoment();
  const { id, title, updatedAt, turns } = conversation;
  return (
    <li className="card conversation">
      <div>
        <Link to="/conversations/$id" params={{ id }}>
          {title || t("untitled")}
        </Link>
        <p>
          {moment(updatedAt)} · {t("turns", { count: turns })}
        </p>
      </div>
      <ConversationMenu conversation={conversation} />
    </li>
  );
}

function Found({ words }: { words: string }): ReactNode {
  const { t } = useTranslation("conversations");
  return (
    <Loaded query={useQuery(searchQuery(words))}>
      {(hits) =>
        hits.length === 0 ? (
          <Empty title={t("search.none", { words })} />
        ) : (
          <ul className="list" role="list" aria-label={t("search.found")}>
            {hits.map((hit) => (
              <FoundTurn key={`${hit.session} ${hit.turn} ${hit.at}`} hit={hit} />
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

function FoundTurn({ hit }: { hit: Hit }): ReactNode {
  const { t } = useTranslation("conversations");
  const moment = useMoment();
  return (
    <li className="card conversation">
      <div>
        <Link to="/conversations/$id" params={{ id: hit.conversation }}>
          {hit.title || t("untitled")}
        </Link>
        <p className="excerpt">
          {hit.excerpt.map((piece, at) => (at % 2 ? <mark key={at}>{piece}</mark> : piece))}
        </p>
        <p>{moment(hit.at)}</p>
      </div>
    </li>
  );
}

/** Whether this client's next conversations are kept. */
function KeepSwitch(): ReactNode {
  const { t } = useTranslation("conversations");
  const toaster = useToaster();
  const queries = useQueryClient();
  const preferences = useQuery(preferencesQuery).data;
  if (!preferences) return null;
  const renew = (): void => void queries.invalidateQueries(preferencesQuery);
  return (
    <section className="card">
      <Switch
        label={t("keep.label")}
        help={t("keep.help")}
        checked={preferences.keepConversations}
        onChange={(keep) => void setKeepConversations(keep).then(renew, toaster.fail)}
      />
    </section>
  );
}

/** One kept conversation. */

import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { conversationQuery } from "../../server/conversations";
import { Recordings } from "./recordings";

export default function ConversationPage(): ReactNode {
  const { t } = useTranslation("conversations");
  const { id } = useParams({ from: "/conversations/$id" });
  const query = useQuery(conversationQuery(id));
  return (
    <Page title={query.data?.summary.title || t("untitled")}>
      <Loaded query={query}>
        {({ turns }) => (
          <>
            <Recordings conversationId={id} turns={turns} />
            <ol className="list" role="list">
              {turns.map(({ session, number, said, answer }) => (
                <li key={`${session} ${number}`} className="card">
                  <p>{said}</p>
                  <p>{answer}</p>
                </li>
              ))}
            </ol>
          </>
        )}
      </Loaded>
    </Page>
  );
}

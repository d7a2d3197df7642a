/** The kept conversations, the latest first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Empty } from "../../design/empty";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { conversationsQuery } from "../../server/conversations";

export default function ConversationsPage(): ReactNode {
  const { t, i18n } = useTranslation("conversations");
  const when = (seconds: number): string =>
    new Date(seconds * 1000).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" });
  return (
    <Page title={t("title")}>
      <Loaded query={useQuery(conversationsQuery)}>
        {(conversations) =>
          conversations.length === 0 ? (
            <Empty title={t("none")} />
          ) : (
            <ul className="list" role="list">
              {conversations.map(({ id, title, updatedAt }) => (
                <li key={id} className="card">
                  <Link to="/conversations/$id" params={{ id }}>
                    {title || t("untitled")}
                  </Link>
                  <p>{when(updatedAt)}</p>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  );
}

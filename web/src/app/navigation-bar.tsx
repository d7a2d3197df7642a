/** A rail at the side on a wide screen, a bar at the bottom on a phone. */

import { Link } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../design/icon";
import { Mark } from "../design/mark";
import type { placesFor } from "./navigation";

type Places = ReturnType<typeof placesFor>;

export function NavigationBar({ places, inTheBar }: { places: Places; inTheBar: number }): ReactNode {
  const { t } = useTranslation();
  const more = places.slice(inTheBar);
  return (
    <nav className="navigation" aria-label={t("nav.label")}>
      <Mark />
      <ul role="list">
        {places.map(({ page, to }, at) => (
          <li key={page} data-beyond={at >= inTheBar}>
            <Link to={to} activeOptions={{ exact: to === "/" }}>
              <Icon name={page} />
              <span>{t(`nav.${page}`)}</span>
            </Link>
          </li>
        ))}
        {more.length > 0 && (
          <li className="more">
            <More places={more} />
          </li>
        )}
      </ul>
    </nav>
  );
}

function More({ places }: { places: Places }): ReactNode {
  const { t } = useTranslation();
  return (
    // Not modal: the scroll lock of a modal menu needs a style element, which the policy refuses.
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger>
        <Icon name="more" />
        <span>{t("nav.more")}</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" sideOffset={8} collisionPadding={8}>
          {places.map(({ page, to }) => (
            <DropdownMenu.Item key={page} asChild>
              <Link to={to}>
                <Icon name={page} />
                {t(`nav.${page}`)}
              </Link>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

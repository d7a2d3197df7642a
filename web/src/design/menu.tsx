import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { IconButton } from "./button";
import { Icon, type IconName } from "./icon";

interface MenuProps {
  label: string;
  items: readonly { label: string; icon?: IconName; danger?: boolean; disabled?: boolean; act: () => void }[];
}

/** Actions behind a button with three dots. Not modal: a modal one needs a style element. */
export function Menu({ label, items }: MenuProps): ReactNode {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton icon="more" label={label} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {items.map(({ label: words, icon, danger = false, disabled = false, act }) => (
            <DropdownMenu.Item key={words} className={danger ? "danger" : ""} disabled={disabled} onSelect={act}>
              {icon && <Icon name={icon} />}
              {words}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

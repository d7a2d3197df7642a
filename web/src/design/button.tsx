/** Buttons: what they do stands on them, or beside their icon for a screen reader. */

import type { ComponentProps, ReactNode } from "react";
import { Icon, type IconName } from "./icon";

type Kind = "primary" | "plain" | "quiet" | "danger";

interface ButtonProps extends ComponentProps<"button"> {
  kind?: Kind;
  icon?: IconName;
}

export function Button({ kind = "plain", icon, className = "", children, ...rest }: ButtonProps): ReactNode {
  return (
    <button type="button" className={`button ${kind} ${className}`.trim()} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "children"> {
  icon: IconName;
  /** Its name; shown as a tooltip too. */
  label: string;
}

export function IconButton({ icon, label, className = "", ...rest }: IconButtonProps): ReactNode {
  return (
    <button type="button" className={`icon-button ${className}`.trim()} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

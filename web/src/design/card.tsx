import type { ReactNode } from "react";

interface CardProps {
  title?: string;
  /** Buttons beside the title. */
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Card({ title, actions, className = "", children }: CardProps): ReactNode {
  return (
    <section className={`card ${className}`.trim()} aria-label={title}>
      {(title || actions) && (
        <div className="card-head">
          {title && <h2>{title}</h2>}
          {actions && <div className="row">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

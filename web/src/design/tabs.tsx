import { Tabs as RadixTabs } from "radix-ui";
import type { ReactNode } from "react";

interface TabsProps {
  label: string;
  tabs: readonly { name: string; title: string; content: ReactNode }[];
}

export function Tabs({ label, tabs }: TabsProps): ReactNode {
  return (
    <RadixTabs.Root className="tabs" defaultValue={tabs[0]?.name ?? ""}>
      <RadixTabs.List className="tab-list" aria-label={label}>
        {tabs.map(({ name, title }) => (
          <RadixTabs.Trigger key={name} value={name}>
            {title}
          </RadixTabs.Trigger>
        ))}
      </RadixTabs.List>
      {tabs.map(({ name, content }) => (
        <RadixTabs.Content key={name} value={name}>
          {content}
        </RadixTabs.Content>
      ))}
    </RadixTabs.Root>
  );
}

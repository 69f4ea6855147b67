import { DropdownMenu } from 'radix-ui';
import { type ReactElement, type ReactNode, useState } from 'react';

const LIST = 'z-10 min-w-40 rounded-8 border border-line bg-surface p-1 text-text shadow-float';
const ITEM =
  'flex min-h-9 cursor-default items-center rounded-8 px-3 text-13 -outline-offset-2 data-[highlighted]:bg-accent-soft data-[disabled]:text-muted pointer-coarse:min-h-11';

interface MenuProps {
  /** The button that opens it. */
  readonly trigger: ReactElement;
  /** The side of the button that the list is flush with. */
  readonly align: 'start' | 'end';
  readonly onCloseAutoFocus?: (event: Event) => void;
  readonly children: ReactNode;
}

/**
 * A list of things to do that opens from a button. Not modal: a modal menu would lock scrolling with a style element,
 * which the page's policy refuses.
 */
export function Menu({ trigger, align, onCloseAutoFocus, children }: MenuProps) {
  // Beside its button the list could be cut off; outside of every landmark it would be hard to find.
  const [place, setPlace] = useState<HTMLElement | null>(null);
  return (
    <DropdownMenu.Root modal={false} onOpenChange={() => setPlace(document.getElementById('content'))}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal container={place}>
        <DropdownMenu.Content
          align={align}
          sideOffset={4}
          collisionPadding={16}
          className={LIST}
          {...(onCloseAutoFocus !== undefined && { onCloseAutoFocus })}
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface ItemProps {
  readonly disabled?: boolean;
  /** It takes something away. */
  readonly destructive?: boolean;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

/** One thing to do. */
export const MenuItem = ({ disabled = false, destructive = false, onSelect, children }: ItemProps) => (
  <DropdownMenu.Item className={destructive ? `${ITEM} text-bad` : ITEM} disabled={disabled} onSelect={onSelect}>
    {children}
  </DropdownMenu.Item>
);

interface SwitchProps {
  readonly disabled?: boolean;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: ReactNode;
}

/** A thing that is on or off. */
export const MenuSwitch = ({ disabled = false, checked, onChange, children }: SwitchProps) => (
  <DropdownMenu.CheckboxItem className={ITEM} disabled={disabled} checked={checked} onCheckedChange={onChange}>
    {children}
  </DropdownMenu.CheckboxItem>
);

export const MenuLine = () => <DropdownMenu.Separator className="my-1 h-px bg-line" />;

import { type ReactNode, type RefObject, useEffect, useId, useRef } from 'react';

interface DialogProps {
  readonly title: string;
  /** Asked for by Escape and by the buttons inside; the owner stops rendering the dialog. */
  readonly onClose: () => void;
  /** Takes the focus afterwards, where what opened the dialog is gone by then (an item of a menu). */
  readonly returnTo?: RefObject<HTMLElement | null>;
  readonly children: ReactNode;
  /** The buttons, in reading order. */
  readonly actions: ReactNode;
}

/**
 * A modal question in the browser's own top layer: it traps focus, closes on Escape, and gives the focus back to what
 * opened it. Mount it to open it.
 */
export function Dialog({ title, onClose, returnTo, children, actions }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (returnTo !== undefined) returnTo.current?.focus();
      else if (opener instanceof HTMLElement) opener.focus();
    };
  }, [returnTo]);
  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      className="m-auto max-h-[calc(100dvh-32px)] w-[min(480px,calc(100vw-32px))] overflow-y-auto rounded-8 border border-line bg-surface text-text shadow-float"
    >
      <div className="flex flex-col gap-4 p-6">
        <h2 id={titleId} className="line-clamp-3 text-18 font-semibold wrap-anywhere" title={title}>
          {title}
        </h2>
        <div className="flex flex-col gap-3 text-15">{children}</div>
        <div className="flex flex-wrap justify-end gap-2 pt-2">{actions}</div>
      </div>
    </dialog>
  );
}

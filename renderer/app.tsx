import { type ComponentType, useEffect } from 'react';
import { ConnectionScreen } from './connection/connection-screen.tsx';
import { JoinDialog } from './connection/join-dialog.tsx';
import { LinkNotice } from './connection/link-notice.tsx';
import { Sidebar } from './connection/sidebar.tsx';
import { Notice } from './controls/notice.tsx';
import { Toasts } from './controls/toast.tsx';
import { EditorScreen } from './editor/editor-screen.tsx';
import { InspectorScreen } from './inspector/inspector-screen.tsx';
import { LogScreen } from './log/log-screen.tsx';
import { ServicesScreen } from './services/services-screen.tsx';
import { SettingsScreen } from './settings/settings-screen.tsx';
import { useLanguage } from './settings/use-language.ts';
import { useMirror, useSnapshot } from './state/porthole.tsx';
import { type Screen, usePlace } from './state/route.ts';
import { summarise } from './state/summary.ts';
import { t } from './strings/strings.ts';

const Announcer = () => (
  <div role="status" aria-live="polite" className="sr-only">
    {useMirror((mirror) => mirror.announcement)}
  </div>
);

/** What the user must know whichever screen is open. */
const Notices = () => {
  const vault = useMirror((mirror) => mirror.state?.vault);
  const news = useMirror((mirror) => mirror.state?.edge.notice);
  const aside = useMirror((mirror) => mirror.state?.settingsSetAside);
  return (
    <div className="flex flex-col gap-2 empty:hidden">
      <LinkNotice />
      {vault === 'memory' && (
        <Notice tone="warn" mark="attention">
          {t.vault.memory}
        </Notice>
      )}
      {news !== undefined && (
        <Notice tone="quiet" mark="attention">
          {news}
        </Notice>
      )}
      {aside !== undefined && (
        <Notice tone="warn" mark="attention" title={t.settings.asideTitle}>
          {t.settings.asideBody(aside)}
        </Notice>
      )}
    </div>
  );
};

/** The title of the window or tab repeats the first glance, for when it is one of many. */
function useTitle(): void {
  const state = useSnapshot();
  const title = state?.servicesKnown === true ? `${summarise(state).title} – ${t.product}` : t.product;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** One service, or all of them. */
function Services({ path: [id, tab] }: ScreenProps) {
  if (id === undefined || tab === 'share') return <ServicesScreen sharing={id} />;
  return <EditorScreen id={id} tab={tab} />;
}

interface ScreenProps {
  /** What of the screen the place names. */
  readonly path: readonly string[];
}

const SHOWN: Readonly<Record<Screen, ComponentType<ScreenProps>>> = {
  services: Services,
  log: LogScreen,
  inspector: InspectorScreen,
  settings: SettingsScreen,
  connection: ConnectionScreen,
};

/** The window: where to go at the side (above, where it is narrow), one screen beside it. */
export function App() {
  const { screen, path } = usePlace();
  const Shown = SHOWN[screen];
  useTitle();
  useLanguage();
  return (
    <div className="flex h-full flex-col md:flex-row">
      {/* biome-ignore lint/a11y/useValidAnchor: the hash names the screen, so this link must not change it */}
      <a
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
        className="sr-only rounded-8 bg-surface text-accent focus:not-sr-only focus:absolute focus:top-1 focus:left-1 focus:z-20 focus:p-3"
      >
        {t.nav.skip}
      </a>
      <Sidebar screen={screen} />
      <main id="content" tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none">
        <div className="px-4 pt-4 empty:hidden md:px-6 md:pt-6 lg:px-8">
          <Notices />
        </div>
        <Shown path={path} />
      </main>
      <Toasts />
      <JoinDialog />
      <Announcer />
    </div>
  );
}

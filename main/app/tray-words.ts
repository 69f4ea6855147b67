import type { SpokenLanguage } from '../../shared/words/say.ts';

/** What the tray's menu says. An ellipsis stands only on what opens a window. */
export interface TrayWords {
  readonly stopping: string;
  readonly edgeStopped: string;
  readonly starting: string;
  readonly paused: string;
  readonly connecting: string;
  readonly offline: string;
  readonly nothing: string;
  readonly problems: (services: number) => string;
  readonly public: (services: number) => string;
  readonly off: (name: string) => string;
  readonly broken: (name: string) => string;
  readonly waiting: (name: string) => string;
  readonly copy: string;
  readonly share: string;
  readonly open: string;
  readonly isPublic: string;
  readonly all: string;
  readonly publish: string;
  readonly publishNote: string;
  readonly noPorts: string;
  readonly morePorts: string;
  readonly port: (port: number, process: string | undefined) => string;
  readonly guests: (guests: number) => string;
  readonly guestsNote: string;
  readonly allow: string;
  readonly look: string;
  readonly published: (name: string) => string;
  readonly publishedBody: (url: string, copied: boolean) => string;
  readonly pause: string;
  readonly resume: string;
  readonly update: (version: string) => string;
  readonly window: string;
  readonly settings: string;
  readonly quit: (services: number) => string;
}

export const TRAY_WORDS: Readonly<Record<SpokenLanguage, TrayWords>> = {
  en: {
    stopping: 'Stopping',
    edgeStopped: 'The edge stopped, starting it again',
    starting: 'Starting',
    paused: 'Paused, nothing is public',
    connecting: 'Connecting',
    offline: 'Offline, nothing is reachable',
    nothing: 'Connected, nothing is public',
    problems: (n) => (n === 1 ? '1 service with a problem' : `${n} services with a problem`),
    public: (n) => (n === 1 ? '1 service public' : `${n} services public`),
    off: (name) => `${name} (off)`,
    broken: (name) => `${name} (problem)`,
    waiting: (name) => `${name} (getting ready)`,
    copy: 'Copy URL',
    share: 'Share…',
    open: 'Open in browser',
    isPublic: 'Public',
    all: 'All services…',
    publish: 'Publish a port',
    publishNote: 'Public to anyone with the link',
    noPorts: 'Nothing listens on this laptop',
    morePorts: 'More ports…',
    port: (port, process) => `${process ?? 'Unknown process'}, port ${port}`,
    guests: (n) => (n === 1 ? '1 service waits to be allowed' : `${n} services wait to be allowed`),
    guestsNote: 'Other laptops want to publish from this one',
    allow: 'Allow',
    look: 'Look at it…',
    published: (name) => `${name} is public`,
    publishedBody: (url, copied) =>
      copied ? `Anyone with the link can open it. Copied: ${url}` : `Anyone with the link can open it: ${url}`,
    pause: 'Pause everything',
    resume: 'Resume',
    update: (version) => `Version ${version} is there…`,
    window: 'Open Porthole…',
    settings: 'Settings…',
    quit: (n) =>
      n === 0 ? 'Quit' : n === 1 ? 'Quit (1 service will go offline)' : `Quit (${n} services will go offline)`,
  },
  de: {
    stopping: 'Wird beendet',
    edgeStopped: 'Der Edge ist stehen geblieben und startet neu',
    starting: 'Startet',
    paused: 'Pausiert, nichts ist öffentlich',
    connecting: 'Verbindet',
    offline: 'Offline, nichts ist erreichbar',
    nothing: 'Verbunden, nichts ist öffentlich',
    problems: (n) => (n === 1 ? '1 Dienst mit einem Problem' : `${n} Dienste mit einem Problem`),
    public: (n) => (n === 1 ? '1 Dienst öffentlich' : `${n} Dienste öffentlich`),
    off: (name) => `${name} (aus)`,
    broken: (name) => `${name} (Problem)`,
    waiting: (name) => `${name} (gleich so weit)`,
    copy: 'URL kopieren',
    share: 'Teilen…',
    open: 'Im Browser öffnen',
    isPublic: 'Öffentlich',
    all: 'Alle Dienste…',
    publish: 'Einen Port veröffentlichen',
    publishNote: 'Öffentlich für alle, die den Link haben',
    noPorts: 'Auf diesem Laptop lauscht nichts',
    morePorts: 'Weitere Ports…',
    port: (port, process) => `${process ?? 'Unbekanntes Programm'}, Port ${port}`,
    guests: (n) => (n === 1 ? '1 Dienst wartet auf Erlaubnis' : `${n} Dienste warten auf Erlaubnis`),
    guestsNote: 'Andere Laptops wollen von diesem veröffentlichen',
    allow: 'Erlauben',
    look: 'Ansehen…',
    published: (name) => `${name} ist öffentlich`,
    publishedBody: (url, copied) =>
      copied ? `Wer den Link hat, kann es öffnen. Kopiert: ${url}` : `Wer den Link hat, kann es öffnen: ${url}`,
    pause: 'Alles pausieren',
    resume: 'Fortsetzen',
    update: (version) => `Version ${version} ist da…`,
    window: 'Porthole öffnen…',
    settings: 'Einstellungen…',
    quit: (n) =>
      n === 0 ? 'Beenden' : n === 1 ? 'Beenden (1 Dienst geht offline)' : `Beenden (${n} Dienste gehen offline)`,
  },
};

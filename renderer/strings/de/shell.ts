import { count } from '../count.ts';
import type { shell as english } from '../en/shell.ts';
import type { Translated } from '../strings.ts';

/** Was auf jeder Seite steht. */
export const shell: Translated<typeof english> = {
  product: 'Porthole',
  nav: {
    label: 'Hauptmenü',
    services: 'Dienste',
    log: 'Zugriffe',
    settings: 'Einstellungen',
    skip: 'Zum Inhalt springen',
  },
  common: {
    cancel: 'Abbrechen',
    close: 'Schließen',
    loading: 'Wird geladen',
    tryAgain: 'Noch einmal versuchen',
  },
  failures: {
    offline: 'Porthole läuft nicht mehr, deshalb wurde nichts geändert. Starte es neu und wiederhole das dann.',
  },

  gone: {
    title: 'Porthole läuft nicht mehr.',
    body: 'Deine Dienste sind nicht erreichbar. Starte es neu und öffne den Link, den es ausgibt. Ist nur der Weg dorthin unterbrochen, geht diese Seite von selbst weiter.',
    refusedTitle: 'Die Sitzung dieser Seite ist zu Ende.',
    refusedBody:
      'Porthole wurde neu gestartet, oder der Link wurde anderswo geöffnet. Für einen neuen Link drücke die Eingabetaste in dem Terminal, in dem Porthole läuft, oder starte es neu.',
  },
  phase: {
    starting: 'Porthole startet.',
    stopping: 'Porthole wird beendet. Deine Dienste gehen offline.',
  },
  vault: {
    memory:
      'Dieser Rechner bietet keinen sicheren Ort für Geheimnisse. Porthole behält seinen Schlüssel im Speicher; nach einem Neustart muss dieser Laptop deshalb neu beitreten.',
  },

  settings: {
    asideTitle: 'Deine Einstellungen waren beschädigt.',
    asideBody: (path) =>
      `Porthole hat mit leeren begonnen: Tritt deinem Edge wieder bei und veröffentliche neu, was fehlt. Die beschädigte Datei liegt in ${path}.`,
  },

  link: {
    up: 'Verbunden',
    connecting: 'Verbindet',
    down: 'Nicht verbunden',
    paused: 'Pausiert',
    starting: 'Startet',
    restarting: 'Startet neu',
    gone: 'Beendet',
    embedded: 'Edge auf diesem Laptop',
    roundTrip: (ms) => `${ms} hin und zurück`,
    connectingTitle: (domain) => `Verbindung zu ${domain} wird aufgebaut.`,
    seeOffline: 'Besucher sehen eine „Offline“-Seite, bis die Verbindung steht.',
    seeOfflineIf: 'Besucher sehen die „Offline“-Seite des Edge, solange der Edge selbst antwortet.',
    downTitle: (domain) => `Keine Verbindung zu ${domain}.`,
    keepsTrying: 'Porthole versucht es weiter.',
    keepsTryingFar: 'Porthole versucht es weiter; prüfe das Netz dieses Laptops, wenn es anhält.',
    pausedTitle: 'Pausiert.',
    pausedBody: 'Nichts auf diesem Laptop ist erreichbar, bis du fortsetzt.',
    edgeStarting: 'Der Edge auf diesem Laptop startet.',
    edgeStartingBody: 'Beim ersten Mal dauert das einen Augenblick.',
    edgeStopped: 'Der Edge auf diesem Laptop ist stehen geblieben.',
    edgeStartingAgain: 'Unter deinen Adressen antwortet niemand, bis er läuft.',
    edgeStoppedBody: 'Unter deinen Adressen antwortet niemand, bis er wieder da ist. Er wird von selbst neu gestartet.',
    retryNow: 'Wird gerade neu versucht.',
    retryIn: (seconds) => `Neuer Versuch in ${seconds} s.`,
    announceUp: 'Verbunden.',
    announceDown: 'Verbindung verloren.',
  },

  quitting: {
    open: 'Beenden',
    title: 'Porthole beenden?',
    none: 'Gerade ist nichts öffentlich; kein Besucher merkt etwas.',
    some: (n) => count(n, '1 Dienst geht offline:', '# Dienste gehen offline:'),
    more: (n) => `und ${n} weitere`,
    back: (n) => count(n, 'Er ist wieder da, wenn Porthole startet.', 'Sie sind wieder da, wenn Porthole startet.'),
    confirm: 'Beenden',
    working: 'Wird beendet…',
  },

  time: {
    now: 'jetzt',
    seconds: (n) => `${n} s`,
    minutes: (n) => `${n} min`,
    hours: (n) => `${n} h`,
  },
};

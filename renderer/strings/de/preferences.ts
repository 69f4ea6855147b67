import { count } from '../count.ts';
import type { preferences as english } from '../en/preferences.ts';
import type { Translated } from '../strings.ts';

/** Was für diesen Laptop im Ganzen gewählt ist, und was er meldet. */
export const preferences: Translated<typeof english> = {
  preferences: {
    title: 'Einstellungen',
    general: 'Allgemein',
    language: 'Sprache',
    languages: { system: 'Wie das System', en: 'English', de: 'Deutsch' },
    languageHint: 'Das Fenster wird neu geladen. Leiste und Mitteilungen folgen.',
    start: 'Beim Anmelden starten',
    startHint: 'Versteckt, nur mit dem Symbol in der Leiste. Deine Dienste sind da, sobald du angemeldet bist.',
    startNot:
      'Beim Anmelden starten kann die Desktop-App; aus Browser oder Terminal geht es mit den Mitteln deines Systems.',
    notifications: 'Mitteilungen',
    notificationsHint:
      'Wenn dieser Laptop eine halbe Minute offline war und wieder da ist, ein Zertifikat fehlschlug oder ein Dienst den ersten Besucher hat.',
    notificationsNot: 'Mitteilungen des Systems gibt es in der Desktop-App. Hier stehen Neuigkeiten in diesem Fenster.',
    notificationsOn: 'Durch Mitteilungen melden',
    quiet: 'Ruhezeit',
    quietHint: 'Solange keine Mitteilungen. Neuigkeiten stehen weiter in diesem Fenster.',
    from: 'Von',
    to: 'Bis',
    updates: 'Aktualisierung',
    look: 'Nach neueren Versionen sehen',
    lookHint: 'Alle sechs Stunden. Ohne dein Wort wird nichts geladen oder installiert.',
    updatesNot:
      'Dieses Porthole kommt nicht aus einem Paket, das sich selbst aktualisiert. Aktualisiere es so, wie du es installiert hast.',
    updatesOff: {
      source:
        'Es läuft aus dem Quelltext; dort sieht nichts nach neueren Versionen. Hole stattdessen neueren Quelltext.',
      feed: 'Es weiß nicht, wo neuere Versionen liegen. Trage die https-Adresse ihres Ordners in settings.json als updateFeed ein und starte Porthole neu.',
    },
    newer: 'Neuere Versionen',
    lookNow: 'Jetzt nachsehen',
    notLooked: 'Seit dem Start von Porthole noch nicht nachgesehen.',
    looks: {
      looking: 'Sieht nach neueren Versionen…',
      none: 'Porthole ist auf dem neuesten Stand.',
      failed: 'Nachsehen ging nicht.',
    },
    lookedAt: {
      none: (when) => `Stand: ${when}.`,
      found: (when) => `Nachgesehen: ${when}.`,
      failed: (when) => `Versucht: ${when}.`,
    },
    lookTroubles: {
      unreachable:
        'Wo neuere Versionen liegen, antwortet niemand; es kann also eine geben. Prüfe das Netz dieses Laptops und sieh noch einmal nach.',
      unusable:
        'Was dort antwortet, hat keine Liste neuerer Versionen; es kann also eine geben. Sieh später noch einmal nach, oder sag es dem, der den Server betreibt.',
      disk: 'Porthole kann in seinen eigenen Ordner nicht schreiben; das muss es dafür. Schaffe Platz und sieh noch einmal nach.',
      package:
        'Dieses Porthole ist so installiert, dass es sich nicht selbst ersetzen kann. Aktualisiere es so, wie du es installiert hast.',
    },
    version: (version) => `Dies ist Version ${version}.`,
    available: (version) => `Version ${version} ist da.`,
    downloading: (version) => `Version ${version} wird geladen.`,
    progress: (percent) => `${percent} geschafft.`,
    ready: (version) => `Version ${version} ist geladen.`,
    failed: (version) => `Version ${version} konnte nicht geladen werden.`,
    downloadTroubles: {
      unreachable: 'Es ist alles beim Alten. Prüfe das Netz dieses Laptops und versuche es noch einmal.',
      unusable:
        'Was ankam, ist beschädigt oder nicht da, und wurde verworfen. Versuche es später, oder sag es dem, der den Server betreibt.',
      disk: 'Sie konnte nicht geschrieben werden. Schaffe Platz und versuche es noch einmal.',
      package:
        'Dieses Porthole ist so installiert, dass es sich nicht selbst ersetzen kann. Aktualisiere es so, wie du es installiert hast.',
    },
    download: 'Laden',
    restart: 'Neu starten zum Aktualisieren…',
    restartTitle: (version) => `Mit Version ${version} neu starten?`,
    restartNone: 'Gerade ist nichts öffentlich; kein Besucher merkt etwas.',
    restartSome: (n) => count(n, '1 Dienst geht kurz offline:', '# Dienste gehen kurz offline:'),
    restartDrops: (n) =>
      count(
        n,
        'Der Neustart nimmt 1 Dienst kurz offline und beendet seine offenen Verbindungen.',
        'Der Neustart nimmt # Dienste kurz offline und beendet ihre offenen Verbindungen.',
      ),
    restartMore: (n) => `und ${n} weitere`,
    restartBack: 'Offene Verbindungen enden. Alles ist wieder da, wenn die neue Version gestartet ist.',
    restartConfirm: 'Jetzt neu starten',
    restarting: 'Startet neu…',
    help: 'Hilfe und Daten',
    diagnostics: 'Diagnose kopieren',
    diagnosticsCopying: 'Wird kopiert…',
    diagnosticsHint: 'Versionen, Zustand, die letzten Zeilen des Logs; ohne Geheimnisse. Nichts wird verschickt.',
    diagnosticsCopied: 'Kopiert. Gib es weiter, wenn dir jemand hilft.',
    diagnosticsFailed: 'Die Zwischenablage ist nicht verfügbar. Markiere den Text und kopiere ihn von Hand.',
    diagnosticsText: 'Diagnose',
    data: 'Deine Daten',
    dataHint: 'Einstellungen, Zugriffe und Logs liegen in diesem Ordner auf diesem Rechner, sonst nirgends.',
    secrets: 'Deine Geheimnisse',
    vaults: {
      keychain: 'Im Schlüsselbund des Systems, der sich mit deiner Anmeldung öffnet.',
      'safe-storage': 'In einer Datei, die der Schlüsselbund des Systems verschlüsselt.',
      file: 'In einer verschlüsselten Datei im Ordner oben, nur für dich lesbar. Wer alle deine Dateien lesen kann, kann auch sie lesen.',
      memory: 'Nur im Arbeitsspeicher: Nach einem Neustart muss dieser Laptop seinem Edge neu beitreten.',
    },
    about: 'Über Porthole',
    aboutText: (version, host) => `Porthole ${version}, ${host}.`,
    hosts: { electron: 'als Desktop-App', web: 'im Browser', headless: 'ohne Fenster' },
    license: 'Apache-Lizenz 2.0.',
    pause: 'Alles pausieren',
    pauseHint: 'Nimmt alles auf diesem Laptop offline, bis du fortsetzt, auch über Neustarts.',
  },
  toasts: {
    label: 'Neuigkeiten',
    dismiss: (title) => `Ausblenden: ${title}`,
    show: 'Zeigen',
  },
};

import { VersionInfo } from '@start9labs/start-sdk'

/** Before the colon the version of the program, after it the package's. */
export const current = VersionInfo.of({
  version: '0.1.0:0',
  releaseNotes: {
    en_US: 'The first version.',
    es_ES: 'La primera versión.',
    de_DE: 'Die erste Version.',
    pl_PL: 'Pierwsza wersja.',
    fr_FR: 'La première version.',
  },
  migrations: {},
})

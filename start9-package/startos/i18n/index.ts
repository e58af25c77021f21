import { setupI18n } from '@start9labs/start-sdk'
import dictionary, { DEFAULT_LANG } from './dictionaries/default'
import translations from './dictionaries/translations'

/** The text in the server's language; `${name}` in it is filled in from the parameters. */
export const i18n = setupI18n(dictionary, translations, DEFAULT_LANG)

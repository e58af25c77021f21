import { i18n } from '../i18n'

/** What actions are gathered under. */
export const groups = {
  configuration: i18n('Configuration'),
  connections: i18n('Connections'),
  maintenance: i18n('Maintenance'),
  keys: i18n('Keys'),
}

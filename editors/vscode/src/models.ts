// The model is chosen from a list: what is here, what could be fetched, and how each would do on this machine.
import * as vscode from 'vscode';

import type { Daemon } from './daemon';
import { NOT_RUNNING, type ModelEntry, type Models } from './protocol';
import { change } from './settings';

type Entry = vscode.QuickPickItem & { model?: ModelEntry };

const ANOTHER: Entry = { label: '$(edit) Another one', description: 'by its id on the hub or its folder', alwaysShow: true };

export async function chooseModel(daemon: Daemon): Promise<void> {
  if (!daemon.running) {
    void vscode.window.showWarningMessage(NOT_RUNNING);
    return;
  }
  // Several seconds the first time: the list is open meanwhile, and what comes too late is not waited for.
  const options = { title: 'kvlsp: the model', placeHolder: 'size in memory, time of a key on this machine', matchOnDetail: true };
  const chosen = await vscode.window.showQuickPick(entries(daemon), options);
  if (chosen === ANOTHER) {
    await chooseAnother();
  } else if (chosen?.model !== undefined) {
    await choose(chosen.model);
  }
}

async function entries(daemon: Daemon): Promise<Entry[]> {
  let found: Models;
  try {
    found = await daemon.models();
  } catch (error) {
    void vscode.window.showErrorMessage(`kvlsp: ${error instanceof Error ? error.message : String(error)}`);
    return [ANOTHER];
  }
  const heading = (label: string): Entry => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const here = found.models.filter((model) => model.here);
  const there = found.models.filter((model) => !model.here);
  return [
    heading('on this machine'),
    ...here.map((model) => entry(model, found.model)),
    heading('fetched when chosen'),
    ...there.map((model) => entry(model, found.model)),
    heading('other'),
    ANOTHER,
  ];
}

function entry(model: ModelEntry, inUse: string): Entry {
  const icon = model.problem !== '' ? '$(warning) ' : model.name === inUse ? '$(check) ' : model.recommended ? '$(star) ' : '';
  const bytes = model.weightBytes === null ? model.diskBytes : model.weightBytes + (model.cacheBytes ?? 0);
  const description = [
    `${megabytes(bytes)} MB`,
    ...(model.keyMs === null ? [] : [`${Math.round(model.keyMs)} ms a key`]),
    ...(model.recommended ? ['the largest that is quick enough here'] : []),
  ].join(', ');
  const licence = model.licence === '' ? 'licence not named' : `licence ${model.licence}`;
  const detail = [licence, model.remark, model.problem].filter((text) => text !== '').join('; ');
  return { label: `${icon}${nameOf(model)}`, description, detail, model };
}

async function choose(model: ModelEntry): Promise<void> {
  if (model.problem !== '') {
    void vscode.window.showWarningMessage(`kvlsp: ${nameOf(model)} cannot be used. ${model.problem}`);
    return;
  }
  if (!model.here) {
    const terms = model.licence === '' ? 'Its licence is not named.' : `Its licence is ${model.licence}.`;
    const message = `Fetch ${model.name} (${megabytes(model.diskBytes)} MB)? ${terms}`;
    if ((await vscode.window.showInformationMessage(message, { modal: true }, 'Fetch')) !== 'Fetch') {
      return;
    }
  }
  await use(model.name);
}

async function chooseAnother(): Promise<void> {
  const name = await vscode.window.showInputBox({ title: 'kvlsp: the model', prompt: 'owner/name, or a folder written as a path' });
  if (name !== undefined && name.trim() !== '') {
    await use(name.trim());
  }
}

/** The daemon hears of it as of any setting, fetches what is not here, and goes on with the documents that are open. */
async function use(name: string): Promise<void> {
  await change('model', name === '' ? undefined : name);
}

function nameOf(model: ModelEntry): string {
  return model.name === '' ? 'the default model' : model.name;
}

function megabytes(bytes: number): string {
  return Math.round(bytes / 1e6).toLocaleString('en');
}

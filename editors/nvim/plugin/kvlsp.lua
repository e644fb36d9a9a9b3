-- What exists as soon as the plugin is on 'runtimepath': the command, the highlight group, and ghost text for every
-- buffer the client attaches to. No key is mapped.
if vim.g.loaded_kvlsp then
  return
end
vim.g.loaded_kvlsp = true

vim.api.nvim_set_hl(0, 'KvlspGhost', { default = true, link = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'Comment' })
vim.api.nvim_set_hl(0, 'KvlspHint', { default = true, link = 'Comment' })

vim.api.nvim_set_hl(0, 'KvlspNextOld', { default = true, link = 'DiffDelete' })
vim.api.nvim_set_hl(0, 'KvlspNextNew', { default = true, link = 'DiffAdd' })

local group = vim.api.nvim_create_augroup('kvlsp', { clear = true })

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'kvlsp' then
      require('kvlsp.client').note_attached(client, event.buf)
      require('kvlsp.completion').attach(client, event.buf)
      require('kvlsp.next').attach(event.buf)
    end
  end,
})

vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'kvlsp' then
      require('kvlsp.completion').detach(event.buf)
      require('kvlsp.next').detach(event.buf)
    end
  end,
})

vim.api.nvim_create_user_command('Kvlsp', function(arguments)
  require('kvlsp.commands').run(arguments.fargs)
end, {
  nargs = '*',
  desc = 'kvlsp: toggle, status, log, statistics, restart, ...',
  complete = function(lead)
    return require('kvlsp.commands').complete(lead)
  end,
})

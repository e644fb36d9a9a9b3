(function_definition declarator: (_) @name body: (compound_statement) @body) @definition
(struct_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition
(enum_specifier name: (type_identifier) @name body: (enumerator_list) @body) @definition
(type_definition declarator: (type_identifier) @name) @definition
(preproc_def name: (identifier) @name) @definition
(preproc_function_def name: (identifier) @name) @definition

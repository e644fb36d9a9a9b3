[(block) (class_body) (constructor_body) (interface_body) (enum_body) (switch_block)] @block
